"""`make pins`: reads what `pip install --report -` says on standard input, writes requirements with
the hash of each file that pip chose here; torch and the project itself are left out."""

import json
import sys

print("# Made by `make pins` from constraints.txt: the files that CI installs, for its own Python.")
for each in sorted(json.load(sys.stdin)["install"], key=lambda each: each["metadata"]["name"]):
    name, archive = each["metadata"]["name"], each["download_info"].get("archive_info")
    if archive and name != "torch":
        print(f"{name}=={each['metadata']['version']} --hash=sha256:{archive['hashes']['sha256']}")
