using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// Makes changed host ports true for UDP at once: a client that sends on and on from one port would otherwise stay with the
/// pod of before, or with none, for as long as connection tracking remembers its flow.
/// </summary>
internal sealed partial class PortFlows(NodeNamespace node, ILogger log)
{
    private const byte Udp = 17;
    private readonly ILogger _log = log;

    /// <summary>Flows to ports of the node that now lead to these pods and did not before.</summary>
    public void ForgetOlderThan(ImmutableArray<PortForward> forwards)
    {
        ImmutableArray<PortForward> udp = OfUdp(forwards);
        if (udp.IsEmpty) return;
        HashSet<IPAddress> own;
        using (RouteSocket route = node.OpenRoute()) own = [.. route.Addresses().Select(a => a.Address)];
        Forget(udp, flow => own.Contains(flow.Destination)
            && udp.Any(f => f.HostPort == flow.DestinationPort && !f.Target.Equals(flow.Answerer) && (f.HostAddress is null || f.HostAddress.Equals(flow.Destination))));
    }

    /// <summary>Flows that led to these pods.</summary>
    public void ForgetInto(ImmutableArray<PortForward> forwards)
    {
        ImmutableArray<PortForward> udp = OfUdp(forwards);
        if (!udp.IsEmpty) Forget(udp, flow => udp.Any(f => f.HostPort == flow.DestinationPort && f.Target.Equals(flow.Answerer)));
    }

    private void Forget(ImmutableArray<PortForward> udp, Func<TrackedFlow, bool> which)
    {
        try
        {
            using FlowSocket flows = node.Run(FlowSocket.Open);
            foreach (AddressFamily family in udp.Select(f => f.Target.AddressFamily).Distinct())
                flows.Forget(family, flow => flow.Protocol == Udp && which(flow));
        }
        catch (ErrnoException e)
        {
            FlowsNotForgotten(e.Message);       // the ports are right for everybody new
        }
    }

    private static ImmutableArray<PortForward> OfUdp(ImmutableArray<PortForward> forwards) =>
        [.. forwards.Where(f => f.Protocol.Equals("UDP", StringComparison.OrdinalIgnoreCase))];

    [LoggerMessage(LogLevel.Information, "UdpFlowsNotForgotten: clients that keep on sending may reach an earlier pod for up to three minutes: {Cause}")]
    private partial void FlowsNotForgotten(string cause);
}
