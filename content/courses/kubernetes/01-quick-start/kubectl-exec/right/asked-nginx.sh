# after: shell
# step: restart
kubectl exec web -- nginx -s quit
