"""Deterministic fault injection: the real functions, played through thousands of crashes, duplicates and races.

    python -m tests.faults                       every schedule of every scenario (`make prove`)
    python -m tests.faults --scenario storm --schedule 1-2-reversed-paired/12=crash-after/15=failed:3

A scenario (`scenarios.py`) is a story: what is uploaded when. A schedule (`schedule.py`) says how it is disturbed, and
reads from left to right. `1-2-reversed-paired`: each upload comes once, each event twice, in reverse order, and alert
runs two at a time. Then the faults, each at the number of one call to AWS: the worker is killed after call 12 took
effect; of the batch of call 15 the first two entries fail (3 is a mask: bits 0 and 1). The words, of which `WORDS` in
`schedule.py` has all:

    alone, paired, swept   alert runs one at a time, two at a time, beside a sweep
    down, limbo            every try of the call fails with 500; every try takes effect, but no answer arrives
    cut                    the connection breaks in the middle of the answer's body

The same text always gives the same run: `--schedule` replays it and shows each call by its number, so that another
fault can be placed by hand.

`world/` is the AWS around the functions: their own boto3 clients answered from memory, a clock that only the world
moves, and Lambda's retries. `verdict.py` reads the world as it ended and what `expected.py` makes of the uploads, and
knows no code of the functions. Tables, variables and time-outs are those of the synthesised template.
`wrong_variants.py` holds handlers that must not pass.
"""
