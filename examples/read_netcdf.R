# Read an instance, or the decisions of a record, in R.
#
#   Rscript examples/read_netcdf.R instances/stin-deployment/tiny-000.nc
#
# Needs the package ncdf4 (Debian: r-cran-ncdf4). Axes come in the reverse order: what is (time, user) in the file and in
# Python is (user, time) here. Coordinates count from 0. Parameters that are words are attributes of the group
# `parameters`, which ncdf4 does not show.

library(ncdf4)

file <- commandArgs(trailingOnly = TRUE)[1]
data <- nc_open(file)

for (name in names(ncatt_get(data, 0))) {
  cat(sprintf("attribute %s = %s\n", name, format(ncatt_get(data, 0, name)$value)))
}
number <- function(x) sprintf("%.17g", x)
for (name in names(data$dim)) {
  cat(sprintf("dimension %s: %d, from %s\n", name, data$dim[[name]]$len, data$dim[[name]]$vals[1]))
}
for (name in names(data$var)) {
  variable <- data$var[[name]]
  values <- as.numeric(ncvar_get(data, name, collapse_degen = FALSE))
  if (startsWith(name, "parameters/")) {
    cat(sprintf("parameter %s = %s %s\n", sub("parameters/", "", name), number(values), variable$units))
  } else {
    dims <- paste(rev(sapply(variable$dim, function(d) d$name)), collapse = ", ")
    cat(sprintf("variable %s (%s) [%s]: sum %s\n", name, dims, variable$units, number(sum(values))))
  }
}
nc_close(data)
