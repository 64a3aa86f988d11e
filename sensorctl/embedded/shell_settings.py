"""`aws.env`: what a shell sources so that boto3, the AWS CLI and the CDK talk to the embedded AWS, and the way back.

How to reach it in, text for bash, zsh and every POSIX shell out.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from sensorctl.aws.access import Access

# What would lead elsewhere, or win over the keys (AWS SDKs and Tools Reference Guide, "Environment variables"; the SDK
# for JavaScript takes AWS_PROFILE before keys).
_PUT_ASIDE = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ENDPOINT_URL_[A-Z0-9_]+"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
)

_SCRIPT = """\
# Sourced, this points boto3, the AWS CLI, the CDK and sensorctl at the embedded AWS. `leave_embedded_aws` gives the
# shell its own settings back; bash and zsh do that by themselves once this AWS is down.
if ! kill -0 {pid} 2>/dev/null; then
    echo 'The embedded AWS of this file is down; `make up` starts another, with a new file.' >&2
    return 1
fi
if command -v leave_embedded_aws >/dev/null; then leave_embedded_aws; fi

_embedded_aws_before=$(awk 'BEGIN {{
    quote = sprintf("%c", 39)
    for (name in ENVIRON) if (name ~ /^({put_aside}|{set})$/) {{
        value = ENVIRON[name]
        gsub(quote, quote "\\"" quote "\\"" quote, value)
        print "export " name "=" quote value quote
    }}
}}')
for _embedded_aws_name in $(awk 'BEGIN {{ for (name in ENVIRON) if (name ~ /^({put_aside})$/) print name }}'); do
    unset "$_embedded_aws_name"
done
unset _embedded_aws_name

# Node trusts one file beside its own authorities, so what the shell has already goes in too.
if [ -r "${{NODE_EXTRA_CA_CERTS:-}}" ]; then
    {{ cat "$NODE_EXTRA_CA_CERTS"; echo; cat {authority}; }} >| {folder}/node-$$.pem
    export NODE_EXTRA_CA_CERTS={folder}/node-$$.pem
else
    export NODE_EXTRA_CA_CERTS={authority}
fi
export NO_PROXY="localhost,127.0.0.1${{NO_PROXY:+,$NO_PROXY}}" no_proxy="localhost,127.0.0.1${{no_proxy:+,$no_proxy}}"
{exports}

leave_embedded_aws() {{
    unset {unset}
    eval "$_embedded_aws_before"
    if [ -n "${{ZSH_VERSION:-}}" ]; then
        eval 'precmd_functions=("${{(@)precmd_functions:#_embedded_aws_check}}")'
    elif [ -n "${{BASH_VERSION:-}}" ]; then
        eval 'PROMPT_COMMAND=${{PROMPT_COMMAND/"_embedded_aws_check;"/}}'
    fi
    unset _embedded_aws_before
    unset -f leave_embedded_aws _embedded_aws_check
}}
_embedded_aws_check() {{
    local code=$?
    if ! kill -0 {pid} 2>/dev/null; then
        leave_embedded_aws
        echo 'The embedded AWS is down; this shell has its own AWS settings back.' >&2
    fi
    return $code
}}
if [ -n "${{ZSH_VERSION:-}}" ]; then
    eval 'precmd_functions+=(_embedded_aws_check)'
elif [ -n "${{BASH_VERSION:-}}" ]; then
    PROMPT_COMMAND="_embedded_aws_check;${{PROMPT_COMMAND:-}}"
fi
"""


def script(access: Access, *, pid: int) -> str:
    """Return what to source; `pid` is the process with which the embedded AWS ends."""
    values = {name: value for name, value in access.environment().items() if name != "NODE_EXTRA_CA_CERTS"}
    values["SENSORCTL_EMBEDDED"] = "1"
    names = [*values, "NODE_EXTRA_CA_CERTS", "NO_PROXY", "no_proxy"]
    authority = str(access.ca_bundle)
    return _SCRIPT.format(
        pid=pid,
        put_aside="|".join(_PUT_ASIDE),
        set="|".join(names),
        unset=" ".join(names),
        authority=shlex.quote(authority),
        folder=shlex.quote(str(Path(authority).parent)),
        exports="\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
    )
