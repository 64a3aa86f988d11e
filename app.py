"""Synthesise the pipeline: run by the CDK CLI, or by hand as `python app.py -c stage=prod -o cdk.out`."""

from __future__ import annotations

import argparse
import os
import sys

from constructs_lib.app import synthesise
from constructs_lib.errors import SynthError
from lambdas.shared.document_reader import DocumentError


def main() -> None:
    """Read the command line, synthesise, and turn a wrong setting into one sentence."""
    parser = argparse.ArgumentParser(description="Synthesise the pipeline's CloudFormation template.")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="as in `cdk synth`")
    parser.add_argument("-o", "--output", default=os.environ.get("CDK_OUTDIR", "cdk.out"), help="where it goes")
    arguments = parser.parse_args()
    overrides = dict(_pair(parser, text) for text in arguments.context)
    try:
        synthesise(overrides, outdir=arguments.output)
    except (SynthError, DocumentError) as error:
        sys.exit(str(error))


def _pair(parser: argparse.ArgumentParser, text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        parser.error(f"-c {text}: write -c KEY=VALUE.")
    return key, value


if __name__ == "__main__":
    main()
