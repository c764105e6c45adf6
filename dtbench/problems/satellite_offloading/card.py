"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="UAVs hold data that train their twins on satellites. Each slot is a round of training: a controller gives "
    "every UAV channels of a shared uplink, a satellite, and a share of its processor; then satellites exchange their "
    "models. Who shares a satellite shares its processor, and the round lasts as long as its slowest part. Choosing "
    "satellites is scheduling on equal machines, and the rest is convex. No slot changes a later one.",
    objective="delay and energy of the round, each relative to a norm, weighted",
    constraints={
        "channel_integer": Constraint("what is missing to a whole number of at least 1, summed", "channel"),
        "channel_total": Constraint("channels above those that there are", "channel", "C5"),
        "assoc_valid": Constraint("UAVs whose satellite does not exist", equation="C3, C4"),
        "share_bounds": Constraint("shares outside of 0 to 1, by how much"),
        "share_capacity": Constraint("shares of a satellite above 1, by how much", equation="C2"),
        "deadline": Constraint("delay of the round above its limit, relative to it", equation="C6"),
        "uav_energy": Constraint("energy of the UAVs above its limit, relative to it", equation="C7"),
    },
    strong=("local-search", "lpt-convex", "min-delay"),
)
