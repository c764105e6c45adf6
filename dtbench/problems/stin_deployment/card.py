"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Every user needs a digital twin, and each slot the operator picks the node that builds it: the user's own "
    "device, an end-side device nearby over Wi-Fi, or a cloud server behind a satellite. A device divides its "
    "processor among the twins it hosts, and the satellite band is divided among the users that use it. So one more "
    "twin slows all others there: who looks only at himself harms them. Slots do not depend on each other's decisions.",
    objective="the latency of the slot, summed over users: link time, propagation and processing",
    constraints={
        "node_range": Constraint("users whose node does not exist", equation="(13b), (13c)"),
        "capacity": Constraint("twins above what end-side devices take", equation="(13d)"),
        "compute": Constraint("always 0: equal shares never exceed a processor", "cycle/s", "(13e)"),
    },
    strong=("local-search", "greedy-marginal", "genetic"),
)
