# after: create
# step: update
kubectl patch deployment web --patch '{"spec": {"replicas": 3, "strategy": {"type": "Recreate", "rollingUpdate": null}, "template": {"spec": {"containers": [{"name": "nginx", "image": "docker.io/library/nginx:1.28"}]}}}}'
