using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>One thing that one host is asked for.</summary>
/// <param name="Domain">The registry of the image's name; a mirror is told for which it stands in.</param>
/// <param name="Repository">The image's path at its registry.</param>
/// <param name="Path">Below the repository: "manifests/…", "blobs/…".</param>
/// <param name="Credential">Null: anonymously.</param>
/// <param name="Accept">Media types, the preferred first; none for bytes.</param>
/// <param name="Offset">Where to begin.</param>
internal sealed record RegistryAsk(
    RegistryHost Host, string Domain, string Repository, string Path, RegistryCredential? Credential, ImmutableArray<string> Accept, long Offset = 0)
{
    public Uri Address => new(Host.Root, $"{Repository}/{Path}{(Host.IsMirrorOf(Domain) ? $"?ns={Uri.EscapeDataString(Domain)}" : "")}");
}

/// <summary>Asks a host: says who we are when it wants to know, and follows where it sends us without saying it there.</summary>
internal sealed class RegistryExchange(RegistryTransport transport, RegistryTokens tokens, RegistrySettings settings, TimeProvider time)
{
    private const int MostRedirects = 10;

    /// <returns>An answer with content, or 416 when it cannot begin at the offset. The caller disposes it.</returns>
    /// <exception cref="RegistryFailure">Every other answer, and none.</exception>
    public async Task<HttpResponseMessage> GetAsync(RegistryAsk ask, CancellationToken cancel)
    {
        RegistryTokens.Grant grant = new(ask.Host.Root, ask.Repository, ask.Credential);
        AuthenticationHeaderValue? authorization = tokens.Find(grant);
        for (bool challenged = false; ; challenged = true)
        {
            HttpResponseMessage response = await FollowAsync(ask, authorization, cancel);
            if (response.IsSuccessStatusCode || (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && ask.Offset > 0)) return response;
            using (response)
            {
                Uri answered = response.RequestMessage!.RequestUri!;
                bool elsewhere = !IsAt(ask.Host, answered);
                authorization = null;
                if (response.StatusCode == HttpStatusCode.Unauthorized && !elsewhere && !challenged)
                {
                    // Headers that are no decent challenge must be seen as well.
                    IEnumerable<string> wanted = response.Headers.TryGetValues("WWW-Authenticate", out IEnumerable<string>? values) ? values : [];
                    authorization = await tokens.AnswerAsync(grant, ask.Host.Tls, AuthChallenge.Parse(wanted), cancel);
                }
                if (authorization is null) throw await RegistryAnswer.FailureAsync(response, elsewhere ? answered : null, ask.Credential is not null, settings, time, cancel);
            }
        }
    }

    private async Task<HttpResponseMessage> FollowAsync(RegistryAsk ask, AuthenticationHeaderValue? authorization, CancellationToken cancel)
    {
        Uri address = ask.Address;
        for (int redirects = 0; ; redirects++)
        {
            HttpRequestMessage request = new(HttpMethod.Get, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
            foreach (string type in ask.Accept) request.Headers.Accept.ParseAdd(type);
            // Whatever stands between must not pack what has a digest.
            if (ask.Accept.IsEmpty) request.Headers.AcceptEncoding.ParseAdd("identity");
            if (ask.Offset > 0) request.Headers.Range = new RangeHeaderValue(ask.Offset, null);
            if (IsAt(ask.Host, address))
            {
                // Only here: CVE-2020-15157.
                request.Headers.Authorization = authorization;
                foreach ((string name, string value) in ask.Host.Headers) request.Headers.TryAddWithoutValidation(name, value);
            }
            HttpResponseMessage response = await SendAsync(request, ask, address, cancel);
            if (Next(response, address) is not { } next) return response;
            response.Dispose();
            if (redirects == MostRedirects) throw new RegistryFailure(FailureKind.Refused, $"it redirects more than {MostRedirects} times");
            address = next;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, RegistryAsk ask, Uri address, CancellationToken cancel)
    {
        try
        {
            return await transport.SendAsync(request, ask.Host.Tls, time, cancel);
        }
        catch (RegistryFailure e) when (!IsAt(ask.Host, address))
        {
            throw new RegistryFailure(e.Kind, $"redirected to {RegistryHost.Shown(address)}: {e.Message}", e.RetryAfter, e);
        }
    }

    /// <returns>Null when the answer is no redirect.</returns>
    private static Uri? Next(HttpResponseMessage response, Uri address)
    {
        if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || response.Headers.Location is not { } location)
            return null;
        Uri next = new(address, location);
        bool decent = next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && address.Scheme == Uri.UriSchemeHttp);
        if (decent && next.UserInfo.Length == 0) return next;
        response.Dispose();
        throw new RegistryFailure(FailureKind.Refused, $"it redirects to {RegistryHost.Shown(next)}, which is not protected by TLS as it is itself");
    }

    private static bool IsAt(RegistryHost host, Uri address) => address.Scheme == host.Root.Scheme && address.Authority == host.Root.Authority;
}
