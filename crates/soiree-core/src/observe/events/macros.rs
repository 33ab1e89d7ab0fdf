//! Implementations that the types have in common.

/// `Debug` that leaves the event out: its payload may be a secret, and need not be `Debug`.
macro_rules! debug_without_event {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl std::fmt::Debug for $type<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

/// A constructor from all fields, as the types are `non_exhaustive`.
macro_rules! constructors {
    ($($type:ident { $($field:ident: $field_type:ty),* })*) => {$(
        impl<'a> $type<'a> {
            /// Sets all fields. For emitters, and for tests of observers.
            #[inline]
            pub const fn new($($field: $field_type),*) -> Self {
                Self { $($field),* }
            }
        }
    )*};
}

pub(super) use {constructors, debug_without_event};
