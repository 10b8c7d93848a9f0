# after: heal
# step: scale
KUBE_EDITOR='sed -i "s/replicas: 2$/replicas: 4/"' kubectl edit deployment web
