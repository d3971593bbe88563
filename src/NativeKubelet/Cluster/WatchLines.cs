using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace NativeKubelet.Cluster;

/// <summary>What a watch tells, one JSON document a line.</summary>
public enum WatchEventType { Added, Modified, Deleted, Bookmark, Error }

/// <summary>Reads a watch's body line by line; a line is parsed where it lies and never copied.</summary>
public static class WatchLines
{
    /// <summary>An object has at most 1.5 MiB in the store; JSON of it is not three times that.</summary>
    private const int MostBytes = 8 << 20;

    /// <param name="take">Gets the event's kind and its object's JSON; the bytes are gone when it returns.</param>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="JsonException">A line is no event.</exception>
    public static async Task ReadAsync(Stream body, Action<WatchEventType, ReadOnlySequence<byte>> take, CancellationToken cancel)
    {
        PipeReader reader = PipeReader.Create(body);
        try
        {
            while (true)
            {
                ReadResult result = await reader.ReadAsync(cancel);
                ReadOnlySequence<byte> rest = result.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    ReadOnlySequence<byte> line = rest.Slice(0, end);
                    if (!line.IsEmpty) Take(line, take);
                    rest = rest.Slice(rest.GetPosition(1, end));
                }
                if (rest.Length > MostBytes) throw new JsonException($"a watch event of more than {MostBytes >> 20} MiB");
                reader.AdvanceTo(rest.Start, rest.End);
                if (result.IsCompleted) return;
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private static void Take(ReadOnlySequence<byte> line, Action<WatchEventType, ReadOnlySequence<byte>> take)
    {
        Utf8JsonReader json = new(line);
        WatchEventType? type = null;
        ReadOnlySequence<byte>? content = null;
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isType = json.ValueTextEquals("type"u8), isObject = json.ValueTextEquals("object"u8);
            json.Read();
            if (isType) type = json.TokenType == JsonTokenType.String ? TypeOf(ref json) : throw new JsonException("a watch event's type is no text");
            long begin = json.TokenStartIndex;
            json.Skip();
            if (isObject) content = line.Slice(begin, json.BytesConsumed - begin);
        }
        if (type is { } told && content is { } given) take(told, given);
        else throw new JsonException("a watch event needs type and object");
    }

    private static WatchEventType TypeOf(ref Utf8JsonReader json) =>
        json.ValueTextEquals("ADDED"u8) ? WatchEventType.Added
        : json.ValueTextEquals("MODIFIED"u8) ? WatchEventType.Modified
        : json.ValueTextEquals("DELETED"u8) ? WatchEventType.Deleted
        : json.ValueTextEquals("BOOKMARK"u8) ? WatchEventType.Bookmark
        : json.ValueTextEquals("ERROR"u8) ? WatchEventType.Error
        : throw new JsonException("a watch event of unknown type");
}
