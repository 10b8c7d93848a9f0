package nodenetwork

var FindOnlyNFT = findOnlyNFT
