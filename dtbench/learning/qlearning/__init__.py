"""Action values: IQL, VDN and QMIX."""
