"""An account and a stage's settings in; one check for each thing that would make the first deployment fail out."""
