# after: ask
# step: change
KUBE_EDITOR='sed -i "s/^data:$/data:\n  dns: kube-system/"' kubectl edit configmap notes
