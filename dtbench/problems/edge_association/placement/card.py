"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Users send data to their nearest base station. Each has a digital twin on one of the base stations that are "
    "open as twin servers; data go on there by wire and get a share of the server's processor. Open servers cost a "
    "fee, crowded ones are slow, servers differ in speed, and deadlines need a least share: facility location with "
    "congestion. The previous decision costs nothing later.",
    objective="weighted mean latency, plus the fees of open servers and the energy of transmission",
    constraints={
        "assigned": Constraint("users whose server does not exist", equation="(18a)"),
        "open": Constraint("twins on servers that are not open"),
        "capacity": Constraint("twins above what servers take", equation="(18b)"),
        "cpu": Constraint("processor that deadlines need above what there is, relative to it", equation="(18c)"),
        "delay": Constraint("time after the users' deadlines, summed", "s", "(15), (18d)"),
    },
    strong=("local-search", "greedy-add"),
)
