using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>
/// Turns a registry's challenge into what it wants to see. What was granted is kept for the same host, repository and
/// credential until it runs out. A credential goes to the host that it is for, or to the token server which that host names.
/// </summary>
internal sealed class RegistryTokens(RegistryTransport transport, RegistrySettings settings, TimeProvider time)
{
    private const int LargestAnswer = 1 << 20, MostKept = 256;
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(60), Longest = TimeSpan.FromDays(1), Margin = TimeSpan.FromSeconds(10);
    private readonly Dictionary<Grant, (AuthenticationHeaderValue Header, long Since, TimeSpan Life)> _kept = [];

    /// <summary>For whom, where and what for.</summary>
    /// <param name="Credential">Null: anonymously.</param>
    public sealed record Grant(Uri Root, string Repository, RegistryCredential? Credential);

    /// <summary>What is known to work, so that the first request need not be refused. Null: ask without.</summary>
    public AuthenticationHeaderValue? Find(Grant grant)
    {
        lock (_kept)
        {
            if (!_kept.TryGetValue(grant, out var kept)) return null;
            if (time.GetElapsedTime(kept.Since) < kept.Life) return kept.Header;
            _kept.Remove(grant);
            return null;
        }
    }

    /// <returns>Null when the challenges cannot be answered with what we have.</returns>
    /// <exception cref="RegistryFailure">The token server is out of reach, or gives nothing of use.</exception>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(Grant grant, HostTls tls, ImmutableArray<AuthChallenge> challenges, CancellationToken cancel)
    {
        lock (_kept) _kept.Remove(grant);
        long since = time.GetTimestamp();
        if (challenges.FirstOrDefault(c => c.Scheme == "bearer" && c["realm"] is not null) is { } bearer)
        {
            (string token, TimeSpan life) = await TokenAsync(grant, tls, bearer, cancel);
            return Keep(grant, new("Bearer", token), since, life);
        }
        return grant.Credential is { } credential && challenges.Any(c => c.Scheme == "basic") ? Keep(grant, Basic(credential), since, Longest) : null;
    }

    private AuthenticationHeaderValue Keep(Grant grant, AuthenticationHeaderValue header, long since, TimeSpan life)
    {
        lock (_kept)
        {
            if (_kept.Count >= MostKept) _kept.Clear();
            _kept[grant] = (header, since, life);
        }
        return header;
    }

    private async Task<(string Token, TimeSpan Life)> TokenAsync(Grant grant, HostTls tls, AuthChallenge challenge, CancellationToken cancel)
    {
        Uri realm = Realm(challenge["realm"]!, grant.Root);
        string scope = challenge["scope"] ?? $"repository:{grant.Repository}:pull";
        HttpResponseMessage? response = null;
        try
        {
            if (grant.Credential is { IdentityToken: { Length: > 0 } identity })
            {
                response = await SendAsync(RefreshRequest(realm, challenge["service"], scope, identity), tls, cancel);
                // Servers of the older kind know only the other form.
                if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Unauthorized && grant.Credential.Password.Length > 0)
                {
                    response.Dispose();
                    response = null;
                }
            }
            response ??= await SendAsync(PlainRequest(realm, challenge["service"], scope, grant.Credential), tls, cancel);
            if (!response.IsSuccessStatusCode) throw Refusal(response, realm, grant);
            return Read(await BoundedBody.ReadAsync(response, LargestAnswer, settings.IdleTimeout, time, cancel), realm);
        }
        finally
        {
            response?.Dispose();
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HostTls tls, CancellationToken cancel)
    {
        using (request)
            try
            {
                return await transport.SendAsync(request, tls, time, cancel);
            }
            catch (RegistryFailure e)
            {
                throw new RegistryFailure(e.Kind, $"token server {RegistryHost.Shown(request.RequestUri!)}: {e.Message}", e.RetryAfter, e);
            }
    }

    private static HttpRequestMessage PlainRequest(Uri realm, string? service, string scope, RegistryCredential? credential)
    {
        StringBuilder query = new(realm.Query.TrimStart('?'));
        if (service is not null) Append(query, "service", service);
        // Several scopes stand in one value, parted by blanks, and are asked for one by one.
        foreach (string one in scope.Split(' ', StringSplitOptions.RemoveEmptyEntries)) Append(query, "scope", one);
        HttpRequestMessage request = new(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credential is not null && credential.Username.Length + credential.Password.Length > 0) request.Headers.Authorization = Basic(credential);
        return request;
    }

    private static HttpRequestMessage RefreshRequest(Uri realm, string? service, string scope, string identity)
    {
        StringBuilder form = new("grant_type=refresh_token&client_id=nativekubelet");
        Append(form, "service", service ?? "");
        Append(form, "scope", scope);
        Append(form, "refresh_token", identity);
        return new(HttpMethod.Post, realm) { Content = new StringContent(form.ToString(), Encoding.ASCII, "application/x-www-form-urlencoded") };
    }

    private static void Append(StringBuilder form, string name, string value) =>
        form.Append(form.Length > 0 ? "&" : "").Append(name).Append('=').Append(Uri.EscapeDataString(value));

    /// <summary>The server may be another, but never a less protected one than the registry itself.</summary>
    private static Uri Realm(string text, Uri root)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? realm) || realm.Scheme is not ("http" or "https") || realm.UserInfo.Length > 0)
            throw new RegistryFailure(FailureKind.Refused, "it names no decent address of a token server");
        if (realm.Scheme == Uri.UriSchemeHttp && root.Scheme == Uri.UriSchemeHttps)
            throw new RegistryFailure(FailureKind.Refused, $"its token server {RegistryHost.Shown(realm)} is not protected by TLS; nothing is sent to it");
        return realm;
    }

    private RegistryFailure Refusal(HttpResponseMessage response, Uri realm, Grant grant)
    {
        string said = $"token server {RegistryHost.Shown(realm)}: {(int)response.StatusCode} {response.ReasonPhrase}";
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest =>
                new(FailureKind.Denied, $"{said} ({(grant.Credential is null ? "no credentials for this host" : "the credentials were not accepted")})"),
            HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => new(FailureKind.Passing, said, RegistryAnswer.RetryAfter(response, time)),
            _ => new(FailureKind.Refused, said),
        };
    }

    /// <exception cref="RegistryFailure">The answer holds no token.</exception>
    internal static (string Token, TimeSpan Lifetime) Read(byte[] content, Uri realm)
    {
        TokenDocument? document = null;
        try
        {
            document = JsonSerializer.Deserialize(content, TokenDocumentJson.Default.TokenDocument);
        }
        catch (JsonException)
        {
            // Said below; the parser's own words could show the token.
        }
        string token = document?.Token is { Length: > 0 } one ? one : document?.AccessToken ?? "";
        // It goes into a header as it is.
        if (token.Length == 0 || token.Any(c => c is <= ' ' or >= '\x7f'))
            throw new RegistryFailure(FailureKind.Refused, $"token server {RegistryHost.Shown(realm)}: the answer holds no usable token");
        double seconds = Math.Clamp(document!.ExpiresIn ?? 0, Shortest.TotalSeconds, Longest.TotalSeconds);
        return (token, TimeSpan.FromSeconds(seconds) - Margin);
    }

    private static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{credential.Password}")));
}

internal sealed record TokenDocument(
    string? Token, [property: JsonPropertyName("access_token")] string? AccessToken, [property: JsonPropertyName("expires_in")] double? ExpiresIn);

/// <summary>How registries tell what is wrong (OCI distribution-spec, "Error Codes").</summary>
internal sealed record ErrorDocument(List<ErrorEntry?>? Errors);

internal sealed record ErrorEntry(string? Code, string? Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowReadingFromString, MaxDepth = 32)]
[JsonSerializable(typeof(TokenDocument))]
[JsonSerializable(typeof(ErrorDocument))]
internal sealed partial class TokenDocumentJson : JsonSerializerContext;
