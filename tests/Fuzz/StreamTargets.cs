using System.Buffers;
using System.Text;
using System.Text.Json;
using NativeKubelet.Core.Server;
using NativeKubelet.Server.Streaming;
using NativeKubelet.Server.Streaming.Spdy;
using NativeKubelet.Server.Streaming.WebSockets;

namespace NativeKubelet.Tests.Fuzz;

/// <summary>What clients of exec, attach and port-forward say once they are let in.</summary>
internal static class StreamTargets
{
    // SYN_STREAM 1 and 3 with compressed headers, data with FIN, SETTINGS, PING, WINDOW_UPDATE, HEADERS, RST_STREAM, GOAWAY.
    private static readonly byte[] Conversation = Convert.FromHexString(
        "8003000100000028" + "00000001000000000000" + "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff" +
        "8003000100000019" + "00000003000000000000" + "c22a054ccc29f9a52500000000ffff" + "0000000101000005" + "68656c6c6f" +
        "800300040000000c" + "000000010000000700010000" + "8003000600000004" + "00000001" + "8003000900000008" + "0000000100000400" +
        "8003000300000008" + "0000000300000005" + "8003000700000008" + "0000000000000000" + "0000000301000001" + "78");

    public static IReadOnlyList<Target> All { get; } =
    [
        new("SPDY connection", [Conversation], Serve),
        new("SPDY header block", [Convert.FromHexString("78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff"), Convert.FromHexString("783fe3c6a7c2001b00e4ff000000010000000a73747265616d74797065000000056572726f72000000ffff")],
            b => new HeaderBlock().Read(b), typeof(SpdyException)),
        new("SPDY headers", [Convert.FromHexString("000000010000000a73747265616d74797065000000056572726f72")], b => HeaderBlock.Parse(b), typeof(SpdyException)),
        new("deflate", [Deflated()], b => new Inflater().Inflate(b, new ArrayBufferWriter<byte>(), 1 << 20), typeof(SpdyException)),
        new("WebSocket channels", ["0aGVsbG8="u8.ToArray(), [0, 1, 2], [255, 0]], TakeChannels, typeof(FormatException)),
        new("terminal sizes", ["""{"Width":80,"Height":24}{"Width":81,"Height":25}"""u8.ToArray()], b => new TerminalSizes().Take(b), typeof(JsonException)),
        new("streaming path", ["/exec/ns/pod/uid/c"u8.ToArray()], b => StreamTarget.Parse(Encoding.UTF8.GetString(b))),
        new("forwarded ports", ["80,443"u8.ToArray()], b => WebSocketPorts.Parse([Encoding.UTF8.GetString(b)]), typeof(RefusedException)),
    ];

    private static void Serve(byte[] bytes)
    {
        using OneSided transport = new(bytes);
        using SpdyConnection connection = new(transport, stream => stream.Header("streamtype").Length > 0, TimeProvider.System);
        connection.RunAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    private static void TakeChannels(byte[] bytes)
    {
        foreach (string protocol in (string[])["v5.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io"])
        {
            ChannelMessage message = new(ChannelProtocol.ForCommands([protocol])!);
            message.Take(bytes.AsMemory(0, bytes.Length / 2), last: false);
            message.Take(bytes.AsMemory(bytes.Length / 2), last: true);
        }
    }

    private static byte[] Deflated()
    {
        using MemoryStream compressed = new();
        using (System.IO.Compression.ZLibStream zlib = new(compressed, System.IO.Compression.CompressionLevel.SmallestSize, leaveOpen: true))
            zlib.Write([.. Enumerable.Range(0, 5000).Select(i => (byte)('a' + i * i % 13))]);
        return compressed.ToArray();
    }

    /// <summary>Says what it has to say, and hears everything.</summary>
    private sealed class OneSided(byte[] said) : MemoryStream(said, writable: false)
    {
        public override bool CanWrite => true;
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;
    }
}
