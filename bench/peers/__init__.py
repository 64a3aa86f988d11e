"""The same work as it is usually written: the other sides of the bench, each without anything of the pipeline."""
