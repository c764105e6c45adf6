"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Twin servers are given. Users move, channels and servers change, and each slot decides which server holds "
    "each twin. A move sends the twin's state over the wire and delays the interaction of that slot, so today's server "
    "is what tomorrow starts from. One slot alone is easy; over the horizon it pays to move early, late or not at all, "
    "and who decides slot by slot does not know where users will go.",
    objective="the mean utility of users: an exponential of the time left before the deadline, minus energy",
    constraints={
        "assigned": Constraint("users whose server does not exist", equation="(21b)"),
        "capacity": Constraint("twins above what servers take", equation="(21a)"),
        "delay": Constraint("time after the users' deadlines, summed; moves do not count", "s", "(21c)"),
    },
    strong=("amortised", "myopic-opt"),
)
