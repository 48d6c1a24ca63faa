#!/bin/sh
# Runs in the store before its command.
set -e
echo "apples at $SHOP" > /stock/stock
