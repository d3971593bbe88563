using System.Text;
using System.Text.Json;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Server.Streaming;

/// <summary>A client's window as it changes: JSON objects of Width and Height, one behind the other.</summary>
internal sealed class TerminalSizes
{
    private const int LongestObject = 1024;

    private readonly List<byte> _begun = [];

    /// <summary>Acts on every size until the client names no more, or something that is none.</summary>
    public static async Task FollowAsync(IByteChannel? channel, Func<TerminalSize, Task> resize, CancellationToken cancel)
    {
        if (channel is null) return;
        TerminalSizes sizes = new();
        byte[] buffer = new byte[LongestObject];
        try
        {
            while (await channel.ReadAsync(buffer, cancel) is > 0 and var count)
                foreach (TerminalSize size in sizes.Take(buffer.AsSpan(0, count))) await resize(size);
        }
        catch (Exception e) when (e is JsonException or IOException or OperationCanceledException)
        {
            // The terminal keeps the size that it has.
        }
    }

    /// <exception cref="JsonException">Not what it should be.</exception>
    internal List<TerminalSize> Take(ReadOnlySpan<byte> bytes)
    {
        List<TerminalSize> sizes = [];
        foreach (byte b in bytes)
        {
            _begun.Add(b);
            if (_begun.Count > LongestObject) throw new JsonException("a terminal's size without end");
            if (b != '}') continue;
            if (Parse([.. _begun]) is { Rows: > 0, Columns: > 0 } size) sizes.Add(size);
            _begun.Clear();
        }
        return sizes;
    }

    private static TerminalSize Parse(byte[] json)
    {
        Utf8JsonReader reader = new(json);
        (int width, int height) = (0, 0);
        ReadOnlySpan<byte> name = [];
        while (reader.Read())
        {
            // Compared as bytes: a name need not be valid UTF-8.
            if (reader.TokenType == JsonTokenType.PropertyName) name = reader.ValueSpan;
            else if (reader.TokenType == JsonTokenType.Number && reader.TryGetUInt16(out ushort value))
            {
                if (Ascii.EqualsIgnoreCase(name, "Width"u8)) width = value;
                else if (Ascii.EqualsIgnoreCase(name, "Height"u8)) height = value;
            }
        }
        return new(height, width);
    }
}
