"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Mobile users keep their twins true by sending them data before a deadline: over the radio to the nearest "
    "base station, over a wire to the server that hosts the twin, and through its processor. All users share one band, "
    "so one user's power is another's noise, and serving everybody is often impossible or far too dear. A virtual "
    "queue makes the failures of each user dear in proportion. Hosts change between frames only, and a move costs "
    "slots.",
    objective="energy of transmission in units of a reference, and failed users weighted by their queues, per user",
    constraints={
        "power": Constraint("worst power below 0 or above the limit, relative to the limit", equation="(14d)"),
        "idle_power": Constraint("power of users without a request, relative to the limit"),
        "cpu": Constraint("worst load of a processor above its limit, relative to it", equation="(14g), (14h)"),
        "link": Constraint("worst load of a wire above its limit, relative to it", equation="(14e), (14f)"),
        "idle_share": Constraint("wire or processor of users who have no use for it, relative to the limits"),
        "host_range": Constraint("users whose host does not exist", equation="(14c)"),
        "host_frozen": Constraint("hosts that change where the frame does not allow it"),
    },
    strong=("local-search", "greedy"),
)
