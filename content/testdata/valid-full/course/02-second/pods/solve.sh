#!/bin/bash
# What the author would type.

# step: run
kubectl run web --image=nginx:1.27

# step: delete
kubectl delete pod web
