using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Api.Cni;

namespace NativeKubelet.Core.Network;

/// <summary>The addresses of a pod as its status tells them (spec 42 §B4).</summary>
public static class PodIps
{
    /// <summary>Every address that the result gives to the pod's interface, in its order and in ordinary spelling.</summary>
    public static ImmutableArray<IPAddress> Of(CniResult result, string interfaceName)
    {
        ImmutableArray<IPAddress>.Builder found = ImmutableArray.CreateBuilder<IPAddress>();
        foreach (CniAddress address in result.Ips ?? [])
            if (IsPods(address, result.Interfaces ?? [], interfaceName)) Add(address.Address);
        Add(result.Ip4?.Ip);
        Add(result.Ip6?.Ip);
        return found.ToImmutable();

        void Add(string? text)
        {
            if (text is not null && IPAddress.TryParse(text.Split('/', 2)[0], out IPAddress? address)) found.Add(address);
        }
    }

    /// <summary>At most one of each family, the preferred one first; the first of each counts.</summary>
    public static ImmutableArray<string> ForStatus(IEnumerable<IPAddress> addresses, bool preferIpv6)
    {
        AddressFamily first = preferIpv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        return [.. addresses.DistinctBy(a => a.AddressFamily).OrderBy(a => a.AddressFamily == first ? 0 : 1).Select(a => a.ToString())];
    }

    private static bool IsPods(CniAddress address, ImmutableArray<CniInterface> interfaces, string name)
    {
        if (address.Interface is not { } index) return true;
        return index >= 0 && index < interfaces.Length && !string.IsNullOrEmpty(interfaces[index].Sandbox) && interfaces[index].Name == name;
    }
}
