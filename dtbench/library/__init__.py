"""The instance library: frozen files, best known values, how both are made and checked."""
