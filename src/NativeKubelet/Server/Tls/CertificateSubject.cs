using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NativeKubelet.Server.Tls;

/// <summary>
/// Whom a certificate names: the user is its common name, his groups are its organisations (spec 20 §8.1). Read off the encoding
/// itself, as programs written in Go put several organisations into one relative name, which the framework's own reader does not take apart.
/// </summary>
/// <param name="Uid">Empty where the certificate has none.</param>
internal sealed record CertificateSubject(string Name, ImmutableArray<string> Groups, string Uid)
{
    private const string CommonName = "2.5.4.3", Organization = "2.5.4.10", KubernetesUid = "1.3.6.1.4.1.57683.2";

    /// <exception cref="CryptographicException">The name cannot be read.</exception>
    public static CertificateSubject Of(X500DistinguishedName subject) => Parse(subject.RawData);

    internal static CertificateSubject Parse(byte[] der)
    {
        (string name, string uid) = ("", "");
        ImmutableArray<string>.Builder groups = ImmutableArray.CreateBuilder<string>();
        try
        {
            AsnReader names = new AsnReader(der, AsnEncodingRules.BER).ReadSequence();
            while (names.HasData)
            {
                AsnReader relative = names.ReadSetOf(skipSortOrderValidation: true);
                while (relative.HasData)
                {
                    AsnReader pair = relative.ReadSequence();
                    string type = pair.ReadObjectIdentifier();
                    if (type == CommonName) name = Text(pair);
                    else if (type == Organization) groups.Add(Text(pair));
                    else if (type == KubernetesUid) uid = Text(pair);
                }
            }
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("the certificate's subject cannot be read", e);
        }
        return new(name, groups.ToImmutable(), uid);
    }

    private static string Text(AsnReader value)
    {
        Asn1Tag tag = value.PeekTag();
        UniversalTagNumber kind = (UniversalTagNumber)tag.TagValue;
        return tag.TagClass == TagClass.Universal
            && kind is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String or UniversalTagNumber.T61String or UniversalTagNumber.BMPString
            ? value.ReadCharacterString(kind) : throw new AsnContentException("no character string");
    }
}
