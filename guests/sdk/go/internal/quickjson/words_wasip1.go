package quickjson

// littleWords says that a word in memory has its lowest byte first, and may be anywhere.
const littleWords = true
