"""The commands that have subcommands: one typer app a file, mounted by `sensorctl.cli`."""
