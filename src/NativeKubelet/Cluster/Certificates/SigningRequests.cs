using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Certificates;

namespace NativeKubelet.Cluster.Certificates;

/// <summary>Has the cluster sign certificates (certificates.k8s.io/v1), each with a new key that never leaves this node.</summary>
/// <param name="api">Whoever may ask at that moment.</param>
internal sealed class SigningRequests(Func<ApiClient> api, TimeProvider time, ILogger log)
{
    private const string Path = "apis/certificates.k8s.io/v1/certificatesigningrequests";

    /// <summary>Somebody may have to approve it; after that long it is asked anew, as old requests are removed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <returns>Certificates and key, as PEM.</returns>
    /// <exception cref="ApiException">It was denied, it failed, nobody answered, or nobody approved it in time.</exception>
    public async Task<(string Certificates, string Key)> SignAsync(CertificateWish wish, CancellationToken cancel)
    {
        ApiClient asked = api();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        V1CertificateSigningRequest made = await asked.CreateAsync(Path, new V1CertificateSigningRequest
        {
            ApiVersion = "certificates.k8s.io/v1",
            Kind = "CertificateSigningRequest",
            Metadata = new() { GenerateName = "csr-" },
            Spec = new() { Request = Encoding.ASCII.GetBytes(PemOf(wish, key)), SignerName = wish.Signer, Usages = [.. wish.Usages] },
        }, cancel);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        ObjectWatch<V1CertificateSigningRequest, V1CertificateSigningRequestList> watch = new(
            asked, $"{Path}?fieldSelector=metadata.name%3D{made.Metadata.Name}", static o => o.Metadata.ManagedFields = null, time, log);
        Task watching = watch.RunAsync(end.Token);
        try
        {
            return (await AnswerAsync(watch, made, cancel).WaitAsync(Patience, time, cancel), key.ExportECPrivateKeyPem());
        }
        catch (TimeoutException e)
        {
            throw Refusal(made, $"was not approved within {Patience.TotalMinutes:0} min; approve it with kubectl certificate approve {made.Metadata.Name}", e);
        }
        finally
        {
            await end.CancelAsync();
            await watching.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private static async Task<string> AnswerAsync(
        ObjectWatch<V1CertificateSigningRequest, V1CertificateSigningRequestList> watch, V1CertificateSigningRequest made, CancellationToken cancel)
    {
        bool seen = false;
        while (true)
        {
            Task changed = watch.Changed;
            // The first list may be of a moment before it was made: the server's cache follows its store.
            if (!watch.Objects.TryGetValue(made.Metadata.Uid, out V1CertificateSigningRequest? now) && seen) throw Refusal(made, "was removed before it was signed");
            seen |= now is not null;
            foreach (V1CertificateSigningRequestCondition condition in now?.Status?.Conditions ?? [])
                if (condition.Type is "Denied" or "Failed") throw Refusal(made, $"was {(condition.Type == "Denied" ? "denied" : "not signed")}: {condition.Reason} {condition.Message}");
            if (now?.Status is { Certificate.Length: > 0, Conditions: { } conditions } && conditions.Any(c => c.Type == "Approved")) return Encoding.ASCII.GetString(now.Status.Certificate);
            await changed.WaitAsync(cancel);
        }
    }

    private static ApiException Refusal(V1CertificateSigningRequest request, string what, Exception? inner = null) =>
        new(0, "", $"certificate signing request {request.Metadata.Name} ({request.Spec.SignerName}) {what}".TrimEnd(), inner: inner);

    private static string PemOf(CertificateWish wish, ECDsa key)
    {
        X500DistinguishedNameBuilder subject = new();
        subject.AddOrganizationName(CertificateWish.Organization);
        subject.AddCommonName(wish.CommonName);
        CertificateRequest request = new(subject.Build(), key, HashAlgorithmName.SHA256);
        if (wish.Names.Count + wish.Addresses.Count > 0)
        {
            SubjectAlternativeNameBuilder names = new();
            foreach (string name in wish.Names) names.AddDnsName(name);
            foreach (string address in wish.Addresses) names.AddIpAddress(IPAddress.Parse(address));
            request.CertificateExtensions.Add(names.Build());
        }
        return request.CreateSigningRequestPem();
    }
}
