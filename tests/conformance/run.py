"""Runs scim2-tester against BASE_URL and prints each result as a line of JSON.

CA_PEM is the certificate to trust, TOKEN the connector's token. What a check passes over in
silence is a line too.
"""

import json
import os
import random
import ssl

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Mutability, Path, Required
from scim2_tester import check_server

WRITABLE = [Mutability.read_write, Mutability.write_only]
OPTIONAL = [Required.false]
# What each check of PATCH promises to go through.
PROMISES = {
    "check_add_attribute": (OPTIONAL, [*WRITABLE, Mutability.immutable]),
    "check_remove_attribute": (OPTIONAL, WRITABLE),
    "check_replace_attribute": (None, WRITABLE),
}


def tell(status, check, resource, reason, data):
    line = {
        "status": status,
        "check": check,
        "resource": resource,
        "reason": reason,
        "data": None if data is None else str(data),
    }
    print(json.dumps(line), flush=True)


def tell_passed_over(results, provider):
    """An attribute that came back without a value is not removed, and nothing is said of it."""
    done = {
        (result.title, result.resource_type, result.data["urn"])
        for result in results
        if isinstance(result.data, dict) and "urn" in result.data
    }
    for resource_type in provider.resource_types:
        model = provider.model_for(resource_type)
        if model is None:
            # The suite has said so.
            continue
        paths = Path[model]
        for check, (required, mutability) in PROMISES.items():
            for path in paths.iter_paths(
                required=required, mutability=mutability, include_subattributes=False
            ):
                if (check, resource_type.name, str(path)) not in done:
                    reason = f"'{path}' was passed over"
                    tell("SKIPPED", f"{check}:{path}", resource_type.name, reason, None)


def main():
    # The same kinds of values each time; names are new ones all the same.
    random.seed(7643)
    trust = ssl.create_default_context(cafile=os.environ["CA_PEM"])
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    http = Client(
        base_url=os.environ["BASE_URL"], headers=headers, verify=trust, trust_env=False
    )
    client = SyncSCIMClient(http)
    results = check_server(client)
    for result in results:
        tell(
            result.status.name,
            result.title,
            result.resource_type,
            result.reason,
            result.data,
        )
    tell_passed_over(results, client.provider)


main()
