// Empty. The compiler takes a function without a body, as Main is one, only in a package that has assembly.
