namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>The peer broke the protocol; its connection ends, and nothing else.</summary>
internal sealed class SpdyException(string message) : Exception(message);
