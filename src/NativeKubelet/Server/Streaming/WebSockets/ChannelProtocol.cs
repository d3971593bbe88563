namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>How channels share a WebSocket: the first byte of every message is the channel's number.</summary>
/// <param name="Name">Empty: the client named none.</param>
/// <param name="Base64">Number and payload are text.</param>
/// <param name="Closes">The client can end one channel and keep the others.</param>
internal sealed record ChannelProtocol(string Name, bool Base64, bool JsonStatus, bool Closes)
{
    private const string Plain = "channel.k8s.io", Encoded = "base64.channel.k8s.io";

    private static readonly ChannelProtocol[] Older =
    [
        new("v4." + Plain, Base64: false, JsonStatus: true, Closes: false), new("v4." + Encoded, Base64: true, JsonStatus: true, Closes: false),
        new(Plain, Base64: false, JsonStatus: false, Closes: false), new(Encoded, Base64: true, JsonStatus: false, Closes: false), new("", Base64: false, JsonStatus: false, Closes: false),
    ];

    private static readonly ChannelProtocol V5 = new("v5." + Plain, Base64: false, JsonStatus: true, Closes: true);

    /// <param name="offered">In the client's order; empty: the oldest.</param>
    /// <returns>Null when none of them is known.</returns>
    public static ChannelProtocol? ForCommands(IReadOnlyCollection<string> offered) => offered.Contains(V5.Name) ? V5 : First(offered, _ => true);

    /// <inheritdoc cref="ForCommands"/>
    public static ChannelProtocol? ForPorts(IReadOnlyCollection<string> offered) => First(offered, p => p.Name is "" || p.JsonStatus);

    private static ChannelProtocol? First(IReadOnlyCollection<string> offered, Func<ChannelProtocol, bool> may) => offered.Count == 0
        ? Older[^1] : offered.Select(name => Older.FirstOrDefault(p => p.Name.Length > 0 && p.Name == name && may(p))).FirstOrDefault(p => p is not null);
}
