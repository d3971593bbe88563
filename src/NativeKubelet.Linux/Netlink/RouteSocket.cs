using System.Collections.Immutable;
using System.Net;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Netlink;

/// <summary>A virtual cable: one end here, the other made right inside another namespace.</summary>
/// <param name="Master">Index of the bridge that this end becomes a port of; 0 for none.</param>
/// <param name="Mtu">Of both ends; 0 leaves the kernel's.</param>
/// <param name="PeerMac">Six bytes; empty leaves the choice to the kernel.</param>
public sealed record VethPair(string Name, int Master, int Mtu, string PeerName, FileDescriptor PeerNamespace, ReadOnlyMemory<byte> PeerMac);

/// <summary>Links, addresses and routes of the network namespace in which it was opened (rtnetlink(7)).</summary>
public sealed class RouteSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    public static RouteSocket Open() => new(NetlinkSocket.Open(NetlinkProtocol.Route));

    public ImmutableArray<NetworkLink> Links() => List(RouteMessage.GetLink, RouteMessage.LinkHeader, "links", NetworkLink.Parse);

    public ImmutableArray<InterfaceAddress> Addresses() => List(RouteMessage.GetAddress, RouteMessage.AddressHeader, "addresses", InterfaceAddress.Parse);

    public ImmutableArray<NetworkRoute> Routes() => List(RouteMessage.GetRoute, RouteMessage.RouteHeader, "routes", NetworkRoute.Parse);

    /// <returns>Null when there is no link of this name.</returns>
    public NetworkLink? FindLink(string name)
    {
        NetworkLink? found = null;
        try
        {
            _socket.Request((w, n) => RouteMessage.Find(w, n, name), $"RTM_GETLINK {name}", m => found ??= NetworkLink.Parse(m));
            return found;
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENODEV)
        {
            return null;
        }
    }

    /// <exception cref="ErrnoException">ENODEV: there is none.</exception>
    public NetworkLink Link(string name) => FindLink(name) ?? throw new ErrnoException("netlink", $"RTM_GETLINK {name}", Errno.ENODEV);

    /// <param name="mac">Fixed, or else the bridge would take over the lowest of its ports' and change it as ports come and go.</param>
    /// <exception cref="ErrnoException">EEXIST: the name is taken. EOPNOTSUPP: the kernel has no bridge module.</exception>
    public void AddBridge(string name, byte[] mac, int mtu) =>
        _socket.Request((w, n) => RouteMessage.Bridge(w, n, name, mac, mtu), $"RTM_NEWLINK bridge {name}");

    /// <exception cref="ErrnoException">EEXIST: one of the names is taken, here or in the other namespace.</exception>
    public void AddVeth(VethPair pair) => _socket.Request((w, n) => RouteMessage.Veth(w, n, pair), $"RTM_NEWLINK veth {pair.Name}");

    public void SetUp(int index) => _socket.Request((w, n) => RouteMessage.Up(w, n, index), $"RTM_NEWLINK up, interface {index}");

    public void SetMtu(int index, int mtu) => _socket.Request((w, n) => RouteMessage.Mtu(w, n, index, mtu), $"RTM_NEWLINK mtu {mtu}, interface {index}");

    public void SetMac(int index, byte[] mac) => _socket.Request((w, n) => RouteMessage.Mac(w, n, index, mac), $"RTM_NEWLINK address, interface {index}");

    /// <summary>Makes a link a port of a bridge, whatever it was a port of before.</summary>
    public void SetMaster(int index, int bridge) => _socket.Request((w, n) => RouteMessage.Port(w, n, index, bridge), $"RTM_NEWLINK master {bridge}, interface {index}");

    /// <summary>Lets a bridge send a frame back through the port on which it came.</summary>
    public void SetHairpin(int index) => _socket.Request((w, n) => RouteMessage.Hairpin(w, n, index), $"RTM_SETLINK hairpin, interface {index}");

    /// <returns>False when it was gone already.</returns>
    public bool DeleteLink(int index) => Try((w, n) => RouteMessage.Delete(w, n, index), $"RTM_DELLINK interface {index}", Errno.ENODEV);

    /// <returns>False when the interface has the address already.</returns>
    public bool AddAddress(int index, IPAddress address, int prefixLength) =>
        Try((w, n) => RouteMessage.AddAddress(w, n, index, address, prefixLength), $"RTM_NEWADDR {address}/{prefixLength}, interface {index}", Errno.EEXIST);

    /// <returns>False when it was gone already.</returns>
    public bool RemoveAddress(int index, IPAddress address, int prefixLength) =>
        Try((w, n) => RouteMessage.RemoveAddress(w, n, index, address, prefixLength), $"RTM_DELADDR {address}/{prefixLength}, interface {index}", AddressNotAvailable);

    /// <returns>False when there is one already.</returns>
    public bool AddDefaultRoute(int index, IPAddress gateway) =>
        Try((w, n) => RouteMessage.DefaultRoute(w, n, index, gateway), $"RTM_NEWROUTE default via {gateway}", Errno.EEXIST);

    public void Dispose() => _socket.Dispose();

    private const int AddressNotAvailable = 99;

    private bool Try(Action<NetlinkWriter, uint> build, string what, int already)
    {
        try
        {
            _socket.Request(build, what);
            return true;
        }
        catch (ErrnoException e) when (e.Errno == already)
        {
            return false;
        }
    }

    private delegate T? Parse<T>(NetlinkMessage message);

    private ImmutableArray<T> List<T>(ushort type, int headerLength, string what, Parse<T> parse) where T : class
    {
        ImmutableArray<T>.Builder found = ImmutableArray.CreateBuilder<T>();
        _socket.Dump((w, n) => RouteMessage.List(w, n, type, headerLength), $"list of {what}", found.Clear, message =>
        {
            if (parse(message) is { } item) found.Add(item);
        });
        return found.ToImmutable();
    }
}
