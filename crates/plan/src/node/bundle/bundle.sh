# Bundles, leaving out the packages that the step before has chosen.
exec esbuild "$@" $(cat "$MODULES/.external")
