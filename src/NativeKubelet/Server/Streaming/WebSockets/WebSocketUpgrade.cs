using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>The handshake of RFC 6455, section 4.2.</summary>
internal static class WebSocketUpgrade
{
    private const string Suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", Version = "13";
    private const string TokenProtocol = "base64url.bearer.authorization.k8s.io.";
    private const int KeyBytes = 16;

    public static bool IsAsked(HttpContext context) => string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase);

    /// <summary>The sub-protocols that the client names, in its order; one of them may be its token, which is none.</summary>
    public static IReadOnlyList<string> Offered(HttpContext context) => [.. context.Request.Headers.SecWebSocketProtocol
        .SelectMany(h => (h ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .Where(name => !name.StartsWith(TokenProtocol, StringComparison.Ordinal))];

    /// <summary>Sets the headers of the answer.</summary>
    /// <param name="protocol">Empty: none was asked for.</param>
    /// <returns>False when the request is no handshake of this version.</returns>
    public static bool TryAccept(HttpContext context, string protocol)
    {
        string key = context.Request.Headers.SecWebSocketKey.ToString();
        if (context.Request.Headers.SecWebSocketVersion != Version || !Convert.TryFromBase64String(key, new byte[KeyBytes], out int length) || length != KeyBytes) return false;
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = Answer(key);
        if (protocol.Length > 0) context.Response.Headers.SecWebSocketProtocol = protocol;
        return true;
    }

    /// <summary>The library is not told the sub-protocol: it would refuse the name of the tunnel, which has a slash.</summary>
    /// <param name="stream">Stays the caller's.</param>
    public static WebSocket Over(Stream stream) => WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = TimeSpan.Zero });

#pragma warning disable CA5350 // The handshake is defined with SHA-1; nothing is kept secret by it.
    private static string Answer(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Suffix)));
#pragma warning restore CA5350
}
