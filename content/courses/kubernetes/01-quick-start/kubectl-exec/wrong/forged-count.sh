# after: shell
# step: restart
# check: before
# message: The log of Pod web could not be read
kubectl exec web -- rm /tmp/where
while kubectl patch pod web --subresource=status --field-manager=kubelet --type=json --patch '[{"op": "replace", "path": "/status/containerStatuses/0/restartCount", "value": 1}]' > patched; do sleep 0.2; done &
