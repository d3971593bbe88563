using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace NativeKubelet.Server.Access;

/// <summary>The token that a request carries: in its Authorization header, or, as a browser cannot set that, among the sub-protocols of a WebSocket.</summary>
internal static class BearerToken
{
    private const string Scheme = "Bearer ", Protocol = "base64url.bearer.authorization.k8s.io.", Protocols = "Sec-WebSocket-Protocol";

    /// <summary>Takes a token off the sub-protocols, so that it is never answered with.</summary>
    /// <returns>Null: the request carries none; empty: one that is no use.</returns>
    public static string? Take(IHeaderDictionary headers)
    {
        if (headers.Authorization is { Count: > 0 } given)
            return given.Count == 1 && given[0] is { } text && text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? text[Scheme.Length..].Trim() : null;
        StringValues offered = headers[Protocols];
        if (offered.Count == 0 || !offered.ToString().Contains(Protocol, StringComparison.Ordinal)) return null;
        List<string> others = [];
        string? token = null;
        foreach (string word in offered.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            if (!word.StartsWith(Protocol, StringComparison.Ordinal)) others.Add(word);
            else token = token is null ? Decode(word[Protocol.Length..]) : "";
        // A server must choose one of the protocols, and the token is none.
        if (others.Count == 0) return "";
        headers[Protocols] = string.Join(", ", others);
        return token;
    }

    private static string Decode(string text)
    {
        try
        {
            return text.Contains('=') ? "" : new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Base64Url.DecodeFromChars(text));
        }
        catch (Exception e) when (e is FormatException or DecoderFallbackException)
        {
            return "";
        }
    }
}
