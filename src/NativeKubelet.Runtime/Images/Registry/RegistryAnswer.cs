using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>Says what an answer means that does not bring what was asked for.</summary>
internal static class RegistryAnswer
{
    private const int LargestError = 64 * 1024, LongestText = 300;

    /// <summary>How long the host wants to be left alone; null when it does not say, or when that is over.</summary>
    public static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider time)
    {
        RetryConditionHeaderValue? asked = response.Headers.RetryAfter;
        TimeSpan? wait = asked?.Delta ?? asked?.Date - time.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : null;
    }

    /// <param name="elsewhere">Where the host sent us; null when it answered itself.</param>
    public static async Task<RegistryFailure> FailureAsync(
        HttpResponseMessage response, Uri? elsewhere, bool withCredential, RegistrySettings settings, TimeProvider time, CancellationToken cancel)
    {
        string said = $"{(int)response.StatusCode} {response.ReasonPhrase}{await SaidAsync(response, settings, time, cancel)}";
        if (elsewhere is not null) said = $"redirected to {RegistryHost.Shown(elsewhere)}: {said}";
        return response.StatusCode switch
        {
            HttpStatusCode.NotFound when elsewhere is null => new(FailureKind.NotFound, $"not found ({said})"),
            // Where it sends us, nobody asks for credentials: an address it signed has run out, or never was good.
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when elsewhere is null =>
                new(FailureKind.Denied, $"pull access denied ({said}; {(withCredential ? "the credentials were not accepted" : "no credentials for this host")})"),
            HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError =>
                new(FailureKind.Passing, said, RetryAfter(response, time)),
            _ => new(FailureKind.Refused, said),
        };
    }

    /// <summary>A host's own words (OCI distribution-spec, "Error Codes"), made fit for one line; empty when there are none.</summary>
    public static string Words(ReadOnlySpan<byte> body)
    {
        try
        {
            ErrorEntry? first = JsonSerializer.Deserialize(body, TokenDocumentJson.Default.ErrorDocument)?.Errors?.Find(e => e is not null);
            string text = first?.Message is { Length: > 0 } message ? message : first?.Code ?? "";
            string line = new([.. text.Take(LongestText).Select(c => char.IsControl(c) ? ' ' : c)]);
            return text.Length > LongestText ? line + "…" : line;
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private static async Task<string> SaidAsync(HttpResponseMessage response, RegistrySettings settings, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            string words = Words(await BoundedBody.ReadAsync(response, LargestError, settings.IdleTimeout, time, cancel));
            return words.Length > 0 ? $": {words}" : "";
        }
        catch (RegistryFailure)
        {
            // The status says enough.
            return "";
        }
    }
}
