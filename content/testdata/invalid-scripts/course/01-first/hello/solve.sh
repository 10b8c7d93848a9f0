#!/bin/bash
kubectl version
# step: create
# only a comment
# step: creat
kubectl version
# step: create
kubectl version
