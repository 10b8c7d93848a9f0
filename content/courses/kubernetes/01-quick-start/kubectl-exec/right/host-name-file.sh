# after: page
# step: shell
kubectl exec web -- cp /etc/hostname /tmp/where
