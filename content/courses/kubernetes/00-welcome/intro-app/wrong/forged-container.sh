# step: deploy
# check: deployment
# message: Want the image wheelhouse/intro:1, and the Deployment intro runs
kubectl apply -f intro.yaml
kubectl patch deployment intro --patch '{"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/default-container": "answers"}}, "spec": {"containers": [{"name": "answers", "image": "busybox:1.36", "command": ["sh", "-c", "printf \"#!/bin/sh\\necho Ada\\n\" > /intro; chmod +x /intro; sleep 3600"]}]}}}}'
kubectl rollout status deployment/intro
