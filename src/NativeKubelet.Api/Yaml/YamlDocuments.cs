using System.Buffers;
using System.Text;
using System.Text.Json;
using YamlDotNet.Core;

namespace NativeKubelet.Api.Yaml;

/// <summary>Reads what people write, YAML or JSON and several documents in one text, into JSON with places.</summary>
public static class YamlDocuments
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <returns>The documents in order; empty ones are left out.</returns>
    /// <exception cref="YamlFormatException">Bad syntax, bad UTF-8, or over one of the limits.</exception>
    public static IReadOnlyList<YamlDocument> Read(ReadOnlyMemory<byte> utf8, YamlLimits? limits = null)
    {
        limits ??= YamlLimits.Default;
        ReadOnlySpan<byte> bytes = utf8.Span;
        if (bytes.Length > limits.MaxBytes)
            throw new YamlFormatException(0, 0, $"{bytes.Length} bytes are more than the {limits.MaxBytes} that are read");
        if (bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        List<(YamlNode Root, List<YamlProblem> Duplicates)> trees = TryJson(bytes, limits) ?? Yaml(bytes, limits);
        List<YamlDocument> documents = new(trees.Count);
        Expansion expansion = new(limits);
        foreach ((YamlNode root, List<YamlProblem> duplicates) in trees)
            documents.Add(new(expansion.Write(root), root.Position.Line, new SourceMap(root), duplicates));
        return documents;
    }

    // Whatever starts like JSON is tried as JSON; flow-style YAML starts alike, so a failure says nothing yet.
    private static List<(YamlNode, List<YamlProblem>)>? TryJson(ReadOnlySpan<byte> bytes, YamlLimits limits)
    {
        int first = bytes.IndexOfAnyExcept(" \t\r\n"u8);
        if (first < 0 || bytes[first] is not ((byte)'{' or (byte)'[')) return null;
        try
        {
            return new JsonTreeReader(bytes, limits).Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static List<(YamlNode, List<YamlProblem>)> Yaml(ReadOnlySpan<byte> bytes, YamlLimits limits)
    {
        string text;
        try
        {
            text = StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            int line = bytes[..Math.Clamp(e.Index, 0, bytes.Length)].Count((byte)'\n') + 1;
            throw new YamlFormatException(line, 1, "the text is not valid UTF-8", e);
        }

        try
        {
            return new YamlTreeReader(text, limits).Read();
        }
        catch (YamlException e)
        {
            throw new YamlFormatException((int)e.Start.Line, (int)e.Start.Column, Reason(e), e);
        }
        catch (Exception e) when (e is not (YamlFormatException or OutOfMemoryException))
        {
            // The parser is others' code and this text may be hostile: whatever it throws, the answer is one kind of error.
            throw new YamlFormatException(0, 0, $"the text cannot be parsed: {e.Message}", e);
        }
    }

    private static string Reason(YamlException e)
    {
        string message = e.Message.TrimEnd('.');
        return message.Length == 0 ? "bad syntax" : char.ToLowerInvariant(message[0]) + message[1..];
    }

    /// <summary>Writes trees as JSON, following aliases, until a text has grown beyond the limits.</summary>
    private sealed class Expansion(YamlLimits limits)
    {
        private int _nodes;
        private long _bytes;

        public byte[] Write(YamlNode root)
        {
            ArrayBufferWriter<byte> buffer = new();
            using Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { SkipValidation = true });
            Write(writer, root, 1);
            writer.Flush();
            _bytes += writer.BytesCommitted;
            return buffer.WrittenSpan.ToArray();
        }

        private void Write(Utf8JsonWriter writer, YamlNode node, int depth)
        {
            if (++_nodes > limits.MaxExpandedNodes || _bytes + writer.BytesCommitted + writer.BytesPending > limits.MaxExpandedBytes)
                throw new YamlFormatException(node.Position.Line, node.Position.Column, "the text expands to too much (aliases of aliases?)");
            if (depth > limits.MaxDepth)
                throw new YamlFormatException(node.Position.Line, node.Position.Column, $"nested deeper than {limits.MaxDepth} levels");
            if (node.Scalar is { } scalar)
            {
                writer.WriteRawValue(scalar, skipInputValidation: true);
            }
            else if (node.Items is { } items)
            {
                writer.WriteStartArray();
                foreach (YamlNode item in items) Write(writer, item, depth + 1);
                writer.WriteEndArray();
            }
            else
            {
                writer.WriteStartObject();
                foreach (YamlField field in node.Fields ?? [])
                {
                    writer.WritePropertyName(field.Key);
                    Write(writer, field.Value, depth + 1);
                }

                writer.WriteEndObject();
            }
        }
    }
}
