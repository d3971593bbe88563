using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NativeKubelet.Core.Network;

/// <summary>A block of addresses of one family. Host bits are zero: <c>10.0.0.7/24</c> reads as <c>10.0.0.0/24</c>.</summary>
public sealed record Subnet
{
    private const int SmallestV4 = 30, SmallestV6 = 126;

    public Subnet(IPAddress address, int prefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        PrefixLength = prefixLength;
        Family = address.AddressFamily;
        Network = Address(Number(address) & Mask);
    }

    public IPAddress Network { get; }

    public int PrefixLength { get; }

    public AddressFamily Family { get; }

    /// <summary>The node's own address on the bridge.</summary>
    public IPAddress Gateway => Address(Number(Network) + 1);

    /// <summary>The first address for a pod.</summary>
    public IPAddress First => Address(Number(Network) + 2);

    /// <summary>The last address for a pod; IPv4 keeps the last of all for broadcast.</summary>
    public IPAddress Last => Address((Number(Network) | ~Mask & Full) - (Family == AddressFamily.InterNetwork ? 1u : 0u));

    /// <summary>Whether there is room for a gateway and a pod.</summary>
    public bool Usable => PrefixLength <= (Family == AddressFamily.InterNetwork ? SmallestV4 : SmallestV6);

    private int Bits => Family == AddressFamily.InterNetwork ? 32 : 128;

    private UInt128 Full => Family == AddressFamily.InterNetwork ? uint.MaxValue : UInt128.MaxValue;

    private UInt128 Mask => PrefixLength == 0 ? UInt128.Zero : Full << (Bits - PrefixLength) & Full;

    public static bool TryParse(string text, [NotNullWhen(true)] out Subnet? subnet)
    {
        subnet = null;
        int slash = text.IndexOf('/');
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address) || address.ScopeIdOrZero() != 0) return false;
        if (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int prefix)) return false;
        if (prefix > (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)) return false;
        subnet = new(address, prefix);
        return true;
    }

    public bool Contains(IPAddress address) => address.AddressFamily == Family && (Number(address) & Mask) == Number(Network);

    public bool Contains(Subnet other) => other.PrefixLength >= PrefixLength && Contains(other.Network);

    public bool Overlaps(Subnet other) => Contains(other) || other.Contains(this);

    public override string ToString() => $"{Network}/{PrefixLength}";

    /// <summary>
    /// The next free address behind <paramref name="last"/>, beginning again at the start: an address that was just given
    /// back rests for as long as possible.
    /// </summary>
    /// <returns>Null when all are taken.</returns>
    public IPAddress? NextFree(IPAddress? last, IReadOnlySet<IPAddress> taken)
    {
        UInt128 first = Number(First), end = Number(Last);
        UInt128 candidate = last is not null && Contains(last) ? Number(last) + 1 : first;
        // Among one more candidates than addresses are taken, one is free, if there are so many.
        for (int tries = 0; tries <= taken.Count && (UInt128)tries <= end - first; tries++, candidate++)
        {
            if (candidate > end || candidate < first) candidate = first;
            IPAddress address = Address(candidate);
            if (!taken.Contains(address)) return address;
        }
        return null;
    }

    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private IPAddress Address(UInt128 number)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (Family == AddressFamily.InterNetwork) BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
        else BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(bytes[..(Bits / 8)]);
    }
}

/// <summary>Which addresses the pods of this node get (spec 42 §B8).</summary>
public static class PodSubnets
{
    // Blocks that neither container engines nor common cluster networks use by themselves.
    private static readonly string[] Candidates = ["10.231.{0}.0/22", "10.219.{0}.0/22", "172.29.{0}.0/22", "192.168.{0}.0/22"];

    /// <summary>A private /22, room for a thousand pods, that meets none of the blocks already in use, always the same for the same blocks.</summary>
    /// <returns>Null when nothing is free: then the operator must name one.</returns>
    public static Subnet? Choose(IReadOnlyCollection<Subnet> used)
    {
        foreach (string form in Candidates)
            for (int i = 0; i < 256; i += 4)
                if (TryParse(string.Format(CultureInfo.InvariantCulture, form, i)) is { } candidate && !used.Any(candidate.Overlaps)) return candidate;
        return null;
    }

    /// <summary>What an operator or the cluster named: one block, or one of each family, comma separated.</summary>
    /// <returns>The reason why it is refused, else null.</returns>
    public static string? Parse(string text, out ImmutableArray<Subnet> subnets)
    {
        subnets = [];
        ImmutableArray<Subnet>.Builder found = ImmutableArray.CreateBuilder<Subnet>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!Subnet.TryParse(part, out Subnet? subnet)) return $"pod subnet \"{part}\" is no block of addresses such as 10.231.0.0/24";
            if (!subnet.Usable) return $"pod subnet {subnet} has no room for a gateway and a pod";
            if (found.Any(other => other.Family == subnet.Family)) return $"pod subnet \"{text}\" names one address family twice";
            found.Add(subnet);
        }
        subnets = found.ToImmutable();
        return null;
    }

    /// <summary>A block that takes addresses away from a route of the node. Wider routes around it are no conflict: the narrower wins.</summary>
    public static Subnet? Conflict(Subnet wanted, IEnumerable<Subnet> routes) => routes.FirstOrDefault(wanted.Contains);

    private static Subnet? TryParse(string text) => Subnet.TryParse(text, out Subnet? subnet) ? subnet : null;
}

internal static class AddressScope
{
    /// <summary>An address with a zone, such as fe80::1%eth0, names something on one link only.</summary>
    public static long ScopeIdOrZero(this IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
