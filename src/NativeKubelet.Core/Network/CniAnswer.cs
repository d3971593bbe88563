using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Cni;

namespace NativeKubelet.Core.Network;

/// <summary>A plugin said something that cannot be understood.</summary>
public sealed class CniAnswerException(string message) : Exception(message);

/// <summary>What a plugin printed, read without trust (CNI specification, "result types").</summary>
public static class CniAnswer
{
    public const int MaxBytes = 1 << 20;
    private const int Shown = 200;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64 };

    /// <summary>The result of an ADD, as it stands, with the version that it was asked in where it names none.</summary>
    /// <exception cref="CniAnswerException">It is no result.</exception>
    public static JsonObject ParseResult(ReadOnlySpan<byte> stdout, string version)
    {
        try
        {
            JsonObject result = JsonNode.Parse(stdout, documentOptions: Strict) as JsonObject
                ?? throw new CniAnswerException($"answered no JSON object: {Excerpt(stdout)}");
            if (result["cniVersion"] is not JsonValue told || !told.TryGetValue(out string? text) || text.Length == 0) result["cniVersion"] = version;
            _ = Typed(result);
            return result;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new CniAnswerException(stdout.IsEmpty ? "answered nothing" : $"answered no CNI result ({e.Message}): {Excerpt(stdout)}");
        }
    }

    /// <exception cref="JsonException">A field is of the wrong kind.</exception>
    public static CniResult Typed(JsonObject result) => result.Deserialize(CniJson.Default.CniResult) ?? new CniResult();

    /// <summary>Why a plugin failed, in its own words: the error that it should print, else what it left on stderr or stdout.</summary>
    public static string Failure(ReadOnlySpan<byte> stdout, ReadOnlySpan<byte> stderr, string exit)
    {
        try
        {
            CniError? error = JsonSerializer.Deserialize(stdout, CniJson.Default.CniError);
            if (error is { Msg.Length: > 0 }) return string.IsNullOrEmpty(error.Details) ? Clean(error.Msg) : $"{Clean(error.Msg)}; {Clean(error.Details)}";
            if (error is { Code: not 0 }) return $"error code {error.Code} without a message ({exit})";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // No error object; the rest is a guess at what a person needs.
        }
        ReadOnlySpan<byte> words = stderr.IsEmpty ? stdout : stderr;
        return words.IsEmpty ? $"{exit}, and it said nothing" : $"{exit}: {Excerpt(words)}";
    }

    /// <summary>One printable line; plugins may print anything, and it ends in events and logs.</summary>
    public static string Excerpt(ReadOnlySpan<byte> bytes)
    {
        string text = Clean(Encoding.UTF8.GetString(bytes.Length > Shown * 4 ? bytes[..(Shown * 4)] : bytes));
        return text.Length > Shown ? $"\"{text[..Shown]}…\"" : $"\"{text}\"";
    }

    private static string Clean(string text)
    {
        string line = string.Join(' ', text.Split((char[])['\r', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));
    }
}
