#!/usr/bin/env bash
# Makes a scratch environment of Python for each tool that drift is compared with, each alone, with pinned versions.
# Run: scripts/yardstick/drift-venvs.sh <folder> [tool…]. It takes about four minutes; one that is there is kept.
set -euo pipefail
folder=${1:?name a folder}; shift
tools=${*:-evidently whylogs nannyml river scipy datasketches arize lightgbm}
declare -A pins=(
  [evidently]='evidently==0.7.23 pandas<3'
  [whylogs]='whylogs==1.6.4 pandas<3 numpy<2 pyarrow<18'
  [nannyml]='nannyml==0.13.1 pandas<3 statsmodels'
  [river]='river==0.26.1'
  [scipy]='scipy==1.17.1'
  [datasketches]='datasketches==5.2.0'
  [arize]='arize<8 pandas<3 pyarrow'
  [lightgbm]='lightgbm scikit-learn'
)
mkdir -p "$folder"
for tool in $tools; do
  [ -e "$folder/$tool/.ready" ] && continue
  rm -rf "${folder:?}/$tool"
  python3 -m venv "$folder/$tool"
  read -ra packages <<<"${pins[$tool]}"
  "$folder/$tool/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
  touch "$folder/$tool/.ready"
  echo "$tool: $("$folder/$tool/bin/python" --version)"
done
