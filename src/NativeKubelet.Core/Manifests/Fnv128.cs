using System.Globalization;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// FNV-1a with 128 bits: tells contents apart and finds damage. No defence against forgery; in return it needs no crypto
/// library, which an agent at rest should not have to load.
/// </summary>
public struct Fnv128()
{
    private static readonly UInt128 OffsetBasis = new(0x6C62272E07BB0142, 0x62B821756295C58D);
    private static readonly UInt128 Prime = new(0x0000000001000000, 0x000000000000013B);

    private UInt128 _hash = OffsetBasis;

    public static string Of(ReadOnlySpan<byte> data)
    {
        Fnv128 hash = new();
        hash.Add(data);
        return hash.ToString();
    }

    public void Add(byte value) => _hash = unchecked((_hash ^ value) * Prime);

    public void Add(ReadOnlySpan<byte> data)
    {
        foreach (byte value in data) Add(value);
    }

    /// <summary>32 lower-case hex digits.</summary>
    public override readonly string ToString() => _hash.ToString("x32", CultureInfo.InvariantCulture);
}
