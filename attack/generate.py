#!/usr/bin/env python3
"""Makes data/attack-18.tsv out of MITRE ATT&CK and the mappings of sensors to it.

    python3 attack/generate.py \\
        --bundle attack-cloud.stix.json.gz --projection technique-data-sources.csv.gz \\
        --sensor CloudTrail=CloudTrail-sensors-mappings-enterprise.csv \\
        --sensor Auditd=Auditd-sensors-mappings-enterprise.csv \\
        --sensor Zeek=Zeek-sensors-mappings-enterprise.csv > attack/data/attack-18.tsv

The bundle is STIX 2.1 (https://github.com/mitre/cti); the projection is a table of the same
relations, against which they are checked; the sensors are those of
https://github.com/center-for-threat-informed-defense/sensor-mappings-to-attack.
Ids, names and relations are taken over, descriptions are not. The same input makes the same
bytes. Needs nothing but the standard library.
"""

import argparse
import csv
import gzip
import io
import json
import sys

VERSION = "18"
HEAD = """\
# Made by generate.py. Terms: NOTICE, beside this folder.
# version   number
# tactic    id, short name, name; in the matrix's order
# component id, name, log sources that record it by ATT&CK, sensors that do by their mapping
# technique id, name, tactics, platforms; then its analytics' references:
# needs     analytic, platform, component, log source, channel
"""


def opened(path):
    """A file's text, unpacked if it is packed."""
    if path.endswith(".gz"):
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def number(thing):
    """ATT&CK's own id of an object."""
    for reference in thing.get("external_references", []):
        if reference.get("source_name") == "mitre-attack":
            return reference["external_id"]
    raise SystemExit(f"{thing['id']} has no number of ATT&CK")


def one(text):
    """A field: on one line, without tabs."""
    return " ".join(str(text).split())


def many(texts):
    """A field of several, sorted, without repetitions."""
    texts = sorted({one(text) for text in texts})
    if any("|" in text for text in texts):
        raise SystemExit(f"a name holds the separator: {texts}")
    return "|".join(texts)


def current(thing):
    return not thing.get("revoked") and not thing.get("x_mitre_deprecated")


def technique_needs(things, of_type):
    """Technique's id to the references of the analytics of its detection strategies."""
    needs = {}
    for relation in of_type("relationship"):
        if relation["relationship_type"] != "detects":
            continue
        strategy = things.get(relation["source_ref"])
        if strategy is None or strategy["type"] != "x-mitre-detection-strategy":
            continue
        for ref in strategy.get("x_mitre_analytic_refs", []):
            # Analytics of platforms that the bundle leaves out are not there.
            analytic = things.get(ref)
            if analytic is None or not current(analytic):
                continue
            for source in analytic.get("x_mitre_log_source_references", []):
                component = things[source["x_mitre_data_component_ref"]]
                for platform in analytic["x_mitre_platforms"]:
                    needs.setdefault(relation["target_ref"], set()).add(
                        (
                            number(analytic),
                            platform,
                            number(component),
                            one(source["name"]),
                            one(source["channel"]),
                        )
                    )
    return needs


def check(techniques, needs, path):
    """The projection must say the same."""
    ours = {
        (number(technique), analytic, component, name, channel)
        for technique in techniques
        for analytic, _, component, name, channel in needs.get(technique["id"], ())
    }
    with opened(path) as file:
        theirs = {
            (
                row["technique_id"],
                row["analytic_id"],
                row["data_component_id"],
                one(row["log_source"]),
                one(row["channel"]),
            )
            for row in csv.DictReader(file)
        }
    if ours != theirs:
        raise SystemExit(f"bundle and projection differ: {sorted(ours ^ theirs)[:5]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--projection", required=True)
    parser.add_argument("--sensor", action="append", default=[], metavar="NAME=FILE")
    args = parser.parse_args()

    with opened(args.bundle) as file:
        things = {thing["id"]: thing for thing in json.load(file)["objects"]}

    def of_type(kind):
        return [t for t in things.values() if t["type"] == kind and current(t)]

    techniques = sorted(of_type("attack-pattern"), key=number)
    needs = technique_needs(things, of_type)
    check(techniques, needs, args.projection)

    # The mappings name components as they were in ATT&CK 13.1. Those that are no more, or that
    # no technique of the bundle asks for, have nobody to go to.
    sensors = {}
    for sensor in args.sensor:
        name, path = sensor.split("=", 1)
        with opened(path) as file:
            for row in csv.DictReader(file):
                sensors.setdefault(one(row["ATT&CK DATA COMPONENT"]), set()).add(name)

    rows = [("version", VERSION)]
    matrix = of_type("x-mitre-matrix")[0]
    for ref in matrix["tactic_refs"]:
        tactic = things[ref]
        rows.append(("tactic", number(tactic), tactic["x_mitre_shortname"], one(tactic["name"])))
    for component in sorted(of_type("x-mitre-data-component"), key=number):
        sources = [s["name"] for s in component.get("x_mitre_log_sources", [])]
        name = one(component["name"])
        rows.append(
            ("component", number(component), name, many(sources), many(sensors.get(name, ())))
        )
    for technique in techniques:
        tactics = [p["phase_name"] for p in technique["kill_chain_phases"]]
        rows.append(
            (
                "technique",
                number(technique),
                one(technique["name"]),
                many(tactics),
                many(technique["x_mitre_platforms"]),
            )
        )
        rows.extend(("needs", *need) for need in sorted(needs.get(technique["id"], ())))

    out = HEAD + "".join("\t".join(row) + "\n" for row in rows)
    sys.stdout.buffer.write(out.encode("utf-8"))


if __name__ == "__main__":
    main()
