"""`python monitoring/prometheus/cluster_rule.py` writes rules.yml as the PrometheusRule of the cluster."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
RULE = HERE.parents[1] / "k8s" / "base" / "prometheus-rule.yaml"
HEADER = """\
# Written by monitoring/prometheus/cluster_rule.py from rules.yml beside it: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: oura-collector
spec:
"""


def text() -> str:
    """Return the manifest. The groups stay the very lines of rules.yml, comments included."""
    _, groups = (HERE / "rules.yml").read_text().split("\ngroups:\n")
    lines = ["groups:", *groups.splitlines()]
    return HEADER + "".join(f"  {line}".rstrip() + "\n" for line in lines)


if __name__ == "__main__":
    RULE.write_text(text())
